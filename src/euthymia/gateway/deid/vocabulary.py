"""Hand-written words that tell what a name beside them is. All entries are folded."""

from typing import Final

TITLES: Final = frozenset(
    """
    mr mrs ms miss mx dr dra dres drs doctor doctora prof profesor profesora professor sr sra srta sres
    senor senora senorita don dona d da sir dame lord lady rev revd reverend father sister brother nurse
    judge officer captain sgt sergeant lt cpt enf enfermera enfermero dn lic
    """.split()
)
STRONG_TITLES: Final = TITLES - {
    "d", "da", "miss", "father", "sister", "brother", "lady", "lord", "sir", "judge", "officer", "nurse",
    "doctor", "doctora", "enfermera", "enfermero", "captain", "lic", "reverend", "don", "dame",
}  # fmt: skip
RELATIONS: Final = frozenset(
    """
    mother father mum mom dad sister brother wife husband partner son daughter aunt uncle cousin niece
    nephew grandmother grandfather granddaughter grandson girlfriend boyfriend fiance fiancee friend
    stepmother stepfather stepson stepdaughter neighbour neighbor roommate flatmate carer caregiver
    colleague boss landlord ex spouse twin nan gran grandma grandpa kid child baby guardian
    counsellor counselor therapist psychiatrist psychologist physician keyworker
    madre padre mama papa hermana hermano esposa esposo marido mujer pareja hijo hija tia tio prima primo
    sobrina sobrino abuela abuelo nieta nieto novia novio amiga amigo suegra suegro cunada cunado vecina
    vecino cuidadora cuidador companera companero jefa jefe tutora tutor psiquiatra psicologa psicologo
    terapeuta yerno nuera madrastra padrastro hermanastro hermanastra trabajadora
    """.split()
)
SAYS: Final = frozenset(
    """
    says said told reported reports called phoned rang visited attended presented arrived came
    asked denied denies states stated describes described feels felt met saw seen lives lived
    moved works worked wants wanted agreed declined signed wrote spoke complains
    dice dijo refiere refirio acude acudio llamo comenta comento niega vive vivia trabaja
    """.split()
)
PARTICLES: Final = frozenset(
    """
    de del la las los da das do dos di du van von der den ten ter bin ben ibn al el y e i san santa le
    abu bint della dei zu af av
    """.split()
)
STREET_BEFORE: Final = frozenset(
    """
    calle c/ cl cll calla avenida avda av ave avd paseo pso plaza plza pza pl camino carretera ctra
    travesia glorieta ronda rua rúa rambla urbanizacion urb via callejon pasaje psje barrio bda
    barriada poligono carrer avinguda passeig plaça placa praza carril cuesta costanilla bulevar
    carrera cra transversal diagonal alameda calzada jiron autopista costanera rue ulica ul via viale
    corso piazza avenue boulevard travessa largo estrada quai chemin
    """.split()
)
STREET_AFTER: Final = frozenset(
    """
    street st road rd avenue ave lane ln drive dr court ct place pl way close crescent cres terrace
    terr square sq row walk gardens grove hill park parkway pkwy boulevard blvd highway hwy circle
    cir trail trl mews view rise path alley plaza loop pike turnpike quay wharf green fort gateway
    crossing heights ridge run junction pass union squares extensions courts parks views
    extension shores estates lights causeway bypass expressway fork forks freeway motorway
    """.split()
)
HOSPITAL_WORDS: Final = frozenset(
    """
    complexo hospitalaria hospital hospitals clinic clinica infirmary sanatorium hospice surgery sanatorio hospitalario
    policlinica policlinico ambulatorio consultorio hopital hospitalari clinic clinique hospice
    """.split()
)
ORG_WORDS: Final = frozenset(
    """
    university college school academy institute inc ltd llc plc corp corporation company co gmbh sa sl
    group partners holdings associates foundation trust council bank insurance logistics
    bakery accountants library motors furniture homes nursery works airways foods garage software
    construction hotel theatre theater transit solutions technologies systems services industries
    enterprises labs laboratories pharmaceuticals church mosque synagogue temple
    universidad universitat instituto colegio escuela facultad fundacion fundacio laboratorio laboratorios
    asociacion ayuntamiento empresa banco iglesia parroquia juzgado residencia sociedad consorcio
    ministerio consejeria academia guarderia supermercado taller cooperativa sindicato
    """.split()
)
ORG_TAILS: Final = frozenset(
    """
    inc ltd llc plc corp corporation company gmbh group holdings associates foundation trust logistics
    accountants motors airways foods software construction transit solutions technologies systems
    industries enterprises laboratories pharmaceuticals insurance furniture bakery university college
    school academy institute library nursery orchestra council global capital
    """.split()
)
WEEKDAYS: Final = frozenset(
    """
    monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun
    lunes martes miercoles jueves viernes sabado domingo
    """.split()
)
MONTHS: Final = {
    **{m: n for n, m in enumerate(
        "january february march april may june july august september october november december".split(), 1)},
    **{m: n for n, m in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)},
    **{m: n for n, m in enumerate(
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split(), 1)},
    **{m: n for n, m in enumerate("ene feb mar abr may jun jul ago sep oct nov dic".split(), 1)},
    "sept": 9, "setiembre": 9,
}  # fmt: skip
NEVER_NAMES: Final = frozenset(
    """
    the a an of in on at to from for by with and or but if so he she they we you it his her my your our can do did is are was
    were not no yes southern northern eastern western date bot user name love carry back who what where when why how this
    that these those there here i me mr mrs ms dr el la los las un una en de con por para que se su sus al del lo le como
    este esta cuando donde si no y o pero desde hasta tras ante bajo fax tel email total plan bien era son sin ser dos tres
    all any each both some most much many more less very also then than now today tomorrow yesterday tonight us our its
    since until while during after before about above below between under over again further once only own same too just
    last next first second third new old other another such good long little great high low past normal
    """.split()
)
REGIONS: Final = frozenset(
    [r.strip() for r in """pais vasco|extremadura|navarra|asturias|principado de asturias|vizcaya|bizkaia|guipuzcoa|gipuzkoa|alava|araba|islas canarias|canarias|
    cataluna|catalunya|galicia|aragon|cantabria|la rioja|castilla y leon|castilla-la mancha|castilla la mancha|comunidad valenciana|comunidad de madrid|
    region de murcia|islas baleares|baleares|andalucia|euskadi|gran canaria|tenerife|mallorca|menorca|ibiza|fuerteventura|lanzarote|la palma|la gomera|
    distrito federal|ciudad autonoma de buenos aires|capital federal|mexico d.f|jalisco|nuevo leon|oaxaca|chiapas|yucatan|antioquia|cundinamarca|
    pontevedra|lugo|ourense|orense|coruna|leon|zamora|salamanca|valladolid|palencia|burgos|soria|segovia|avila|caceres|badajoz|huelva|sevilla|cadiz|
    malaga|cordoba|jaen|granada|almeria|murcia|alicante|valencia|castellon|tarragona|barcelona|girona|gerona|lleida|lerida|huesca|zaragoza|teruel|
    toledo|ciudad real|cuenca|guadalajara|albacete|madrid|logrono|ceuta|melilla|yorkshire|lancashire|kent|essex|sussex|surrey|devon|cornwall|norfolk|
    suffolk|dorset|somerset|cumbria|cheshire|hampshire|hertfordshire|berkshire|merseyside|midlands|ontario|quebec|alberta|manitoba|saskatchewan|
    nova scotia|british columbia|queensland|new south wales|tasmania|ulster|munster|connacht|leinster|bavaria|saxony|tuscany|sicily|provence|brittany|
    normandy|siberia|kerala|gujarat|kashmir|silicon valley|long island|scandinavia|patagonia""".replace("\n", "").split("|")]
)
DEMONYMS: Final = frozenset(
    """
    vietnamita peruano peruana boliviano boliviana ecuatoriano ecuatoriana colombiano colombiana venezolano
    venezolana argentino argentina chileno chilena mexicano mexicana cubano cubana dominicano dominicana
    marroqui rumano rumana ruso rusa ucraniano ucraniana pakistani senegales senegalesa nigeriano
    nigeriana brasileno brasilena paraguayo paraguaya uruguayo uruguaya hondureno hondurena
    salvadoreno salvadorena guatemalteco guatemalteca nicaraguense camerunes camerunesa
    """.split()
)
PROFESSIONS: Final = frozenset(
    """
    accountant actor actress administrator architect artist baker barber barista barrister bartender builder
    butcher carpenter cashier chef cleaner coach cook decorator dentist designer driver editor electrician
    engineer farmer firefighter fisherman gardener hairdresser janitor journalist labourer lawyer lecturer
    librarian machinist mechanic midwife miner musician painter paramedic pharmacist photographer pilot
    plumber policeman porter programmer receptionist roofer sailor salesman secretary soldier solicitor
    surgeon tailor teacher technician translator veterinarian waiter waitress welder writer
    abogado abogada administrativo administrativa agricultor albanil ama arquitecto auxiliar azafata barrendero
    bombero cajera camarero camarera camionero carnicero carpintero cartero celador cocinera cocinero comercial
    conductor contable costurera dependienta dependiente electricista empresario
    fontanero ganadero ingeniero ingeniera jardinero jornalero limpiadora maestra maestro mecanico militar
    minero monitora panadero pastor peluquera peluquero periodista pescador pintor policia profesora
    profesor repartidor soldador soldadora taxista torero transportista veterinario vigilante zapatero
    """.split()
)
