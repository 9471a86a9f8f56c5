"""Names that are medicine and not a person: scales, diseases, signs, drugs, microbes, methods.

They survive unless something says outright that a person is meant ("Mr Parkinson came in").
All entries are folded: no case, no accents.
"""

from typing import Final

# People whose name a scale, disease, sign, method or device carries.
EPONYMS: Final = frozenset(
    """
    addison adler alport alzheimer angelman apgar arnold asperger babinski balint barre barthel
    bartholin basedow beck becker behcet behçet bell bender berger bergh billroth binswanger bleuler
    bonnet bowen bozin braden braun briquet broca brodmann brown brucella brugada buerger burkitt
    bradford cannon capgras caplan castleman chagas charcot charlson chiari chvostek cohen conners
    coombs cornell cotard couvade cowden creutzfeldt crohn cronbach cushing dandy darier delong
    diogenes dix donepezil doppler down dravet dressler duchenne duke dupuytren dusseldorf ebstein
    edinburgh eisenmenger ekbom erikson epley epworth ewing eysenck fabry fallot fanconi fordyce
    foley fontan freud fregoli friedreich fuchs fuld ganser gardner gaucher gerstmann giemsa gilbert
    gilles gleason goldberg goodpasture gottron gowers graves guillain hachinski hakim hallpike
    hamilton harris hashimoto hawkins hebbian heinz heller henoch hirschsprung hodgkin hoehn hoffmann
    holmes horner horowitz huntington hurler itsenko jackson jakob janssen jaspers jendrassik
    kaplan kaposi karnofsky kartagener katz kawasaki kayser kernig kerley kleine klinefelter kluver
    koch kohs kraepelin krabbe korsakoff korsakov kruskal lambert lamaze landau langerhans langhans
    lasegue laségue lawton leber legionella lennox lesch levin levine lewy lhermitte libman
    likert lund lyme lynch madrs mallory mantoux marfan mcgill mcmurray mckusick mendel meier meniere
    merkel miller minnesota monro montgomery montreal moro munchausen münchausen murphy neer nelson
    newman nissen nyhan osler othello paget papanicolaou parkinson patrick pearson pel perls
    peyronie pfeiffer piaget pick poisson pompe potter prader purkinje quincke ramsay ramsey ransom
    raven raynaud reed reiter rett rey reye richter ringer rinne rolando romberg rorschach rosenberg
    rosenthal ross russell sachs sandifer schellong schirmer schneider schober schonlein schwann
    sezary shapiro sheehan shwachman sjogren sjögren skinner snellen spearman spielberger spitz
    sternberg stevens stokes strauss stroop student sturge sudeck sydenham takayasu tay tinel tinetti
    tourette treitz trendelenburg treponema trousseau turner valsalva virchow wada waldenstrom wallenberg
    weber wechsler wegener werner wernicke wertheim westphal whipple whitney wilcoxon wilks willebrand
    williams wilms wilson wisconsin witzelsucht wolff wood wright yahr yale yesavage young zarit zung
    zollinger ellison bankart barrett bard bouchard heberden hering hertz hounsfield kussmaul lisfranc
    meckel morgagni mobitz pancoast petri petechia pott pringle roux salter scheuermann schatzker
    scheie schmorl seldinger skene sokolow sprengel sweet thiersch thompson thomsen todd vater wallace
    wolfram zenker ziehl neelsen gram grocott masson schiff mohs kirschner kocher kelly allis alcock
    pasteur hutchinson jones ludwig malassezia gartner graff bricker studer hautmann whitmore gibbon
    burch nesbit leriche leydig sertoli stensen wharton wirsung oddi douglas
    retzius scarpa colles camper denonvilliers gerota hunner mirizzi murphy blumberg rovsing mcburney
    goldmann zeiss descemet bowman schlemm tenon muller müller fuchs goldenhar weill marchesani
    stargardt coats eales usher sjogren sweet stauffer clark breslow ann robinson child pugh
    maslach connor davidson rosenber folstein lobo golimberti fagerstrom cage audit oviedo plutchik
    bruce erb kehr snellen bunnell kinyoun lowenstein jensen leyden stegmann
    liebowitz yalom linehan bowlby ainsworth winnicott kernberg millon cloninger barratt toronto pittsburgh
    columbia calgary simpson angus barnes abramson bech rafaelsen altman hare posner
    """.split()
)

# Eponyms that stand for the scale, disease or method all by themselves ("18 on the Hamilton").
BARE: Final = frozenset(
    """
    hamilton beck zung barthel katz yesavage glasgow apgar conners wechsler raven rorschach epworth holter
    doppler parkinson alzheimer crohn lewy asperger tourette cushing addison hodgkin graves down huntington
    korsakoff wernicke freud montgomery asberg folstein lobo karnofsky likert young columbia edinburgh
    pittsburgh hoehn yahr hashimoto meniere romberg babinski mantoux papanicolaou coombs western fordyce
    liebowitz plutchik norton tinetti charlson lawton simpson angus barnes fagerstrom maslach gram giemsa
    kaposi burkitt chagas raynaud sjogren behcet bell lyme pott down foley valsalva kussmaul dupuytren gleason
    fuhrman clark breslow child pugh killip levine bard reye rett turner klinefelter marfan capgras fregoli
    cotard diogenes munchausen ganser stroop oviedo toronto toulouse rey rosenberg bender goldberg
    """.split()
)

# Words that make the name before or after them medicine: "Hamilton scale", "enfermedad de X".
NOUNS_EN: Final = frozenset(
    """
    scale scales inventory inventories questionnaire index score scores scoring test tests rating
    disease syndrome palsy sign reflex phenomenon disorder dementia psychosis encephalopathy chorea
    criteria criterion classification stage staging grade formula equation method manoeuvre maneuver
    position procedure operation anaemia anemia lymphoma sarcoma tumour tumor carcinoma paralysis
    bodies body body's ulcer contracture fracture nodes cells cell stain catheter tube forceps
    breathing respiration murmur tremor ataxia neuralgia neuropathy aphasia amnesia delusion
    matrices checklist screen assessment examination subscale interview schedule therapy exercise
    muscle gland duct canal ligament membrane membranes valve pouch space virus bacillus fever
    rash arthritis angina phenotype anomaly malformation complex thyroiditis esophagus oesophagus
    effect curve plot model distribution correlation coefficient
    """.split()
)
NOUNS_ES: Final = frozenset(
    """
    escala escalas test tests inventario cuestionario indice puntuacion enfermedad enfermedades sindrome
    signo signos reflejo fenomeno trastorno demencia psicosis encefalopatia corea criterio criterios
    clasificacion estadio estadios grado grados formula metodo maniobra posicion tecnica procedimiento
    operacion intervencion anemia linfoma sarcoma tumor carcinoma paralisis cuerpo cuerpos ulcera
    contractura fractura nodulo nodulos celula celulas tincion sonda cateter tubo pinza pinzas aguja agujas
    agujero foramen bacilo virus fiebre soplo temblor ataxia neuralgia afasia amnesia delirio
    matrices angulo canal conducto glandula glandulas ligamento membrana valvula bolsa fondo espacio
    fascia musculo trompa trompas ampolla anillo arco asa esofago gastritis esfinter acueducto fisura
    cisura area circulo poligono vena arteria nervio plexo ganglio placas placa piel purpura artritis
    artropatia angina anomalia malformacion complejo incision mancha manchas mal mioma
    eritema pustula lesion ley prueba regla solucion suero sutura injerto escafandra reaccion
    tiroiditis sarcomas linfomas ependimoma melanoma nefropatia tratamiento terapia medio agar efecto
    cefalea perdida nevus quiste quistes hernia hernias cristal cristales coloracion estenosis
    punto drenaje protocolo optotipo neovejiga factor modelo marca clavo fijador tecnicas sistema aparato neovejigas
    lampara esquema protesis coartacion tetralogia neuroma rosa azul verde rojo
    """.split()
)

# Words whose capital letter is not a name: drugs (generic and trade), microbes, tests, months aside.
DRUGS: Final = frozenset(
    """
    abilify adderall akineton alprazolam ambien amisulpride amitriptyline amitriptilina anafranil
    antabuse aricept aripiprazole aripiprazol aropax asenapine ativan atomoxetine atomoxetina augmentin
    aurorix benzodiazepine brexpiprazole brintellix buprenorphine bupropion buspar buspirone
    calcium campral camcolit caplyta carbamazepine carbamazepina cariprazine celexa celecoxib
    champix chantix chlordiazepoxide chlorpromazine cialis cipralex cipramil citalopram clomipramine
    clonazepam clonidine clopixol clozapine clozapina clozaril concerta concerta cymbalta dalmane
    deplin depakine depakote depixol desvenlafaxine desyrel dexamfetamine diazepam dobupal donepezil
    dormicum dosulepin doxepin duloxetine duloxetina efexor effexor elavil elvanse emsam epilim equanil
    escitalopram eskalith esketamine eszopiclone fanapt faverin fetzima fluoxetine fluoxetina fluphenazine
    flupentixol fluvoxamine focalin gabapentin gabapentina galantamine geodon halcion haldol haloperidol
    heminevrin hydroxyzine ibuprofen ibuprofeno imipramine imovane inderal intuniv invega ixel ketamine
    klonopin lamictal lamotrigine lamotrigina largactil latuda levomepromazine lexapro lexatin lexotan
    librium lisdexamfetamine lithium litio lithobid lofepramine loramet lorazepam lormetazepam lunesta
    luvox lurasidone lustral lyrica manerix medikinet melatonin mellaril memantine methadone metadona
    methylphenidate metilfenidato metformin metformina mianserin midazolam minipress mirtazapine
    mirtazapina moclobemide modafinil modecate naltrexone namenda nardil naloxone navane nefazodone
    neurontin nitrazepam norpramin nortriptyline noctamid nolotil olanzapine olanzapina omeprazole
    omeprazol orap orfidal oxazepam oxcarbazepine pamelor paracetamol parnate paroxetine paroxetina
    paxil paliperidone paliperidona perphenazine phenelzine pimozide plenur pregabalin pregabalina priadel
    prazosin pristiq procyclidine prolixin promethazine propranolol provigil prozac quetiapine quetiapina
    ramelteon razadyne reboxetine redomex remeron reminyl restoril revia rexulti risperdal risperidone
    risperidona ritalin rivastigmine rivotril rohypnol saphris sarafem selincro seredin serenace seresta
    seroquel seroxat sertraline sertralina serzone sinemet sinequan sinogan solian sonata spravato
    stelazine stilnoct stilnox strattera suboxone subutex sulpiride surmontil symbyax tegretol temazepam
    temesta thioridazine tofranil topamax topiramate topiramato tranxilium tranxene tranylcypromine
    trazodone trazodona trevilor trifluoperazine trihexyphenidyl trileptal trilafon trimipramine trintellix
    tryptizol trankimazin valdoxan valium valproate valproato vandral vareniclina varenicline venlafaxine
    venlafaxina viagra vibativ viibryd vilazodone vistaril vivactil vivitrol vortioxetine vortioxetina vraylar
    vyvanse wellbutrin xanax xeplion xyrem zaleplon zeldox ziprasidone ziprasidona zispin zoloft zolpidem
    zopiclone zopiclona zuclopenthixol zyban zypadhera zyprexa aspirin aspirina adiro sintrom ventolin
    urbason primperan fortasec eutirox betadine botox avastin lucentis
    """.split()
)
DRUG_ENDINGS: Final = (
    "azepam", "azolam", "azepine", "azepina", "apine", "apina", "idone", "idona", "azine", "azina",
    "xetine", "xetina", "oxetine", "triptyline", "triptilina", "pramine", "pramina", "olol", "pril",
    "sartan", "statin", "statina", "prazole", "prazol", "cillin", "cilina", "mycin", "micina",
    "floxacin", "floxacino", "ciclovir", "vudina", "vudine", "tinib", "mab", "zumab", "parin", "parina",
    "conazole", "conazol", "dipine", "dipino", "gliptin", "gliptina", "formin", "formina", "setron",
    "triptan", "cycline", "ciclina", "sulfa", "terol", "sone", "sona", "solone", "solona", "thiazide",
    "tiazida", "semide", "semida", "barbital", "caine", "caina", "curonium", "curonio", "profen",
    "profeno", "fenaco", "codone", "codona", "orphan", "orfano", "morphine", "morfina", "platino",
    "platin", "taxel", "rubicin", "rubicina", "trexate", "trexato", "pamil", "pamilo", "zosin",
)  # fmt: skip
MEDICAL_ENDINGS: Final = (
    "itis", "osis", "oma", "omas", "emia", "emias", "uria", "urias", "patia", "patias", "pathy",
    "ectomia", "ectomy", "otomia", "otomy", "ostomia", "ostomy", "plastia", "plasty", "grafia",
    "grafias", "graphy", "gram", "grama", "gramas", "scopia", "scopias", "scopy", "algia", "algias",
    "plejia", "plegia", "plegic", "trofia", "trophy", "genesis", "lisis", "lysis", "logia", "logica",
    "logicas", "logico", "logicos", "logy", "logical", "terapia", "therapy", "tomia", "pexia", "centesis",
    "rragia", "rrhage", "rrea", "rrhea", "philia", "filia", "penia", "citos", "cytes", "cito", "globina",
    "globulina", "globulinas", "globulin", "cocos", "coccus", "bacter", "bacteria", "virus", "viridae",
    "mente", "cion", "ciones", "ización", "izacion", "ografico", "ografica", "metria", "metry", "stasis",
    "ismo", "ismos", "ism", "idad", "idades", "logo", "loga", "logos", "ologist", "iatra", "iatrist",
    "endose", "andose", "andole", "endole", "amiento", "imiento", "inasa", "asas", "genos", "geno",
    "vascular", "vasculares", "lateral", "patologico", "patologica", "sclerosis", "esclerosis",
)  # fmt: skip
# Capitalised words of medicine and daily life that no word list holds and that name nobody.
TERMS: Final = frozenset(
    """
    western blot elisa rosa bengala leishmania toxoplasma clostridium candida escherichia coli aspergillus
    staphylococcus streptococcus pseudomonas klebsiella salmonella helicobacter pylori mycobacterium
    plasmodium giardia enterococcus epstein barr rhesus doppler holter ecog glasgow gleason fuhrman masson
    rx rmn tac tc ecg eeg eco phq gad hads bdi bprs panss madrs hdrs ymrs moca mmse audit cgi gaf whodas
    caps pcl ptsd adhd ocd bpd cbt dbt emdr ect tms ssri snri maoi icd dsm nhs gp mse ed icu iv im po prn
    bd tds qid od mane nocte hs bid tid stat npo ros hpi pmh fhx shx dx tx rx hx sx pt pts yo dob mrn uk usa
    euthymic anhedonia anhedonic psychomotor ideation alogia avolition dysthymia cyclothymia hypomania
    hypomanic dysphoric euthymia akathisia parasomnia hypersomnia agoraphobia covid zoom teams skype
    facebook whatsapp instagram twitter google netflix youtube medicare medicaid samaritans alcoholics
    anonymous narcotics christmas easter ramadan diwali hanukkah christian catholic muslim jewish hindu
    buddhist sikh protestant english spanish french german italian
    portuguese arabic chinese russian polish urdu hindi punjabi bengali internet english castellano catalan
    iban ssn pin atm igg iga igm ige vitro vivo situ oral kappa lambda scan paranoid
    euskera gallego ingles frances aleman navidad semana pascua ramadan dios god allah jesus buddha
    """.split()
)
MONTH_NAMES: Final = frozenset({"april", "may", "june", "august", "abril", "julio", "augusto"})

EITHER_NOUN: Final = NOUNS_EN | NOUNS_ES


def clinical_noun(word: str) -> bool:
    """Tell whether a folded word, or its singular, claims a name beside it for medicine."""
    return word in EITHER_NOUN or word.removesuffix("s") in EITHER_NOUN or word.removesuffix("es") in EITHER_NOUN


def medical(word: str) -> bool:
    """Tell whether a folded word is a drug, microbe or term by list or by its ending."""
    if word in DRUGS or word in TERMS:
        return True
    if len(word) > 6 and word.endswith(DRUG_ENDINGS):
        return True
    return len(word) > 7 and word.endswith(MEDICAL_ENDINGS)
