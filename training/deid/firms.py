"""Names of firms, schools, places of worship and of care, put together as their founders do it."""

from collections.abc import Callable
from random import Random
from typing import Protocol

WORDS = {
    "en": "Amber Anchor Apex Arrow Ash Aspen Atlas Badger Bay Beacon Birch Blue Bold Bridge Bright Brook Cactus"
    " Canyon Capital Cardinal Castle Cedar Century City Clear Cobalt Compass Copper Coral Corner Cove Crane Crest"
    " Crown Crystal Delta Diamond Eagle East Echo Elm Ember Evergreen Falcon Fern First Flint Fox Frontier Galaxy"
    " Garden Gate Gold Golden Grand Granite Green Grove Harbor Harbour Hawk Hazel Heritage Heron High Hill Honey"
    " Horizon Iron Island Ivory Jade Keystone Lake Lantern Laurel Liberty Lily Lion Lotus Lucky Lunar Maple Marble"
    " Meadow Meridian Metro Mill Mint Moon Mountain National Nest New Noble North Nova Oak Oasis Ocean Olive Onyx"
    " Orchard Orchid Otter Owl Pacific Palm Panda Park Peach Pearl Pebble Phoenix Pine Pioneer Plum Polar Prairie"
    " Premier Prime Quartz Quick Quiet Rainbow Raven Red Regal Ridge River Robin Rock Royal Ruby Sage Salt Sand"
    " Sapphire Shore Silver Sky Smart South Sparrow Spring Star Steel Stone Storm Summit Sun Sunny Swan Swift"
    " Sycamore Thistle Thunder Tide Tiger Timber Titan Tower Triangle Trinity Tulip Turtle Twin Union United Urban"
    " Valley Velvet Victory Village Vine Vista Wave West Whale Wheat White Wild Willow Wind Winter Wolf Wren Zenith",
    "es": "Abeto Águila Alameda Alba Albatros Alcázar Almendro Alondra Alta Amanecer Ancla Arco Arena Atlántico"
    " Austral Azul Balcón Barco Bella Blanca Bosque Brisa Camino Campana Cantera Cardenal Castillo Cedro Cerezo"
    " Cielo Ciprés Cisne Clara Colina Cometa Cóndor Coral Cordillera Corona Costa Cristal Delta Diamante Encina"
    " Esmeralda Espiga Estrella Faro Fénix Flor Fuente Galeón Gaviota Girasol Golondrina Granada Halcón Hierro"
    " Horizonte Huerta Jacaranda Jardín Lago Laurel León Lima Lince Llano Lucero Luna Madera Magnolia Manantial Mar"
    " Marina Mediterráneo Milenio Mirador Molino Monte Naranjo Norte Nube Nuevo Oasis Océano Olivo Olmo Oriente Oro"
    " Pacífico Palma Palmera Paloma Pampa Pantera Parque Perla Piedra Pinar Pino Plata Playa Poniente Pradera"
    " Primavera Puente Puerto Quetzal Real Ribera Río Roble Roca Rosal Rubí Sauce Selva Sierra Sol Sur Tajo Tigre"
    " Torre Trébol Trigal Tulipán Unión Universal Valle Vega Ventana Verde Verdes Victoria Viento Volcán Zafiro",
}
TRADES = {
    "en": {
        "employer": "Logistics|Warehousing|Textiles|Plumbing|Produce|Staffing|Radio|Call Center|Call Centre|Barn|Diner|Grill"
        "|Tacos|Pizza|Bakery|Motors|Tyres|Auto Repair|Cleaning|Catering|Security|Roofing|Landscaping|Freight|Haulage|Couriers"
        "|Software|Systems|Solar|Energy|Home Care|Credit Union|Bank|Law|Solicitors|Realty|Lettings|Housing Association|Hotel|Inn"
        "|Casino|Cinemas|Theatre|Gym|Fitness|Salon|Barbers|Nurseries|Records|Press|Times|Media|Studios|Games|Airways|Rail|Buses"
        "|Taxis|Ferries|Mining|Quarry|Steelworks|Foundry|Brewery|Distillery|Farms|Orchards|Dairy|Poultry|Meats|Fisheries|Seafood"
        "|Market|Mart|Superstore|Outlet|Hardware|Furniture|Carpets|Electrical|Windows|Paints|Chemicals|Plastics|Packaging|Paper"
        "|Print|Storage|Rentals|Towing|Pest Control|Laundry|Dry Cleaners|Café|Coffee|Burgers|Noodles|Sushi|Donuts|Deli|Foods"
        "|Kitchens|Builders|Joinery|Scaffolding|Engineering|Aerospace|Electronics|Telecom|Wireless|Insurance Brokers|Accountants"
        "|Recruitment|Trucking|Transport|Shipping|Lumber|Timber|Concrete|Paving|Florist|Books|Toys|Sports|Cycles|Pets|Vets|Opticians"
        "|Youth Project|Food Bank|Women's Shelter|Mission|Foundation|Charity Shop|Community Centre|Senior Center|Library|Museum",
        "school": "Elementary|Elementary School|Primary School|Primary|Junior School|Middle School|High School|High|Academy|Prep"
        "|Preparatory School|Grammar School|Comprehensive|Secondary College|Charter School|Montessori|Preschool|Nursery School"
        "|Sixth Form College|Community College|College|University|Technical Institute|School of Nursing|Girls' School|Day School",
        "lab": "Diagnostics|Labs|Laboratories|Laboratory|Reference Laboratory|Clinical Labs|Clinical Laboratory|Pathology|Imaging"
        "|Radiology|Biosciences|Medical Supplies|Medical Equipment|Mobility|Sleep Services|Genomics|Toxicology|Path Lab|Devices",
        "insurer": "Health Plan|Mutual|Mutual Health|Health Insurance|Assurance|Life|Benefits|Care Network|Choice Plan|Insurance"
        "|Blue Plan|Health Partners|HMO|Managed Care|Behavioral Benefits|Indemnity",
        "pharmacy": "Pharmacy|Drugs|Drugstore|Chemist|Chemists|Apothecary|Discount Drug|Late-Night Pharmacy",
        "church": "Church|Chapel|Parish|Tabernacle|Fellowship|Ministries|Baptist Church|Lutheran|Methodist|Assembly of God|Temple"
        "|Synagogue|Mosque|Islamic Center|Gurdwara|Mandir|Cathedral|Abbey|Gospel Hall|Bible Church|Community Church|Kingdom Hall",
        "care": "Therapy Rooms|Psychiatry|Psychiatry Group|Psychology|Counseling|Counselling|Wellness|Medical Practice|Health Centre"
        "|Medical Center|Hospital|Clinic|Surgery|Unit|House|Day Hospital|Recovery|Detox|Behavioral Health|Mental Health Centre"
        "|Family Practice|Rehab|Nursing Home|Care Home|Hospice|Infirmary|Medical Group|Pediatrics|Talking Therapies|Crisis House",
    },
    "es": {
        "employer": "Confecciones|Minera|Ferretería|Grupo|Seguridad|Transportes|Panadería|Cerámicas|Call Center|Muebles|Calzados"
        "|Librería|Papelería|Carnicería|Frutería|Pescadería|Peluquería|Gestoría|Asesoría|Inmobiliaria|Hotel|Hostal|Bar|Cafetería"
        "|Restaurante|Mesón|Pizzería|Taller|Talleres|Electrónica|Industrias|Fundiciones|Metalúrgica|Cementos|Químicas|Textiles"
        "|Plásticos|Envases|Embutidos|Lácteos|Aceites|Viveros|Cooperativa|Agrícola|Ganadera|Pesquera|Naviera|Autoescuela|Academia"
        "|Constructora|Imprenta|Editorial|Radio|Diario|Fundación|Asociación|Lavandería|Gimnasio|Floristería|Joyería|Óptica|Zapatería"
        "|Vidrios|Maderas|Pinturas|Electrodomésticos|Supermercado|Supermercados|Almacenes|Distribuidora|Comercial|Servicios|Limpiezas"
        "|Logística|Mensajería|Autobuses|Taxis|Aerolíneas|Bodegas|Conservas|Frigorífico|Maquila|Empacadora|Ingenio|Cervecería|Tortillería"
        "|Taquería|Abarrotes|Refaccionaria|Estética|Salón|Teatro|Cine|Casino|Banco|Caja|Residencia|Bufete|Notaría|Consultora",
        "school": "Colegio|Escuela|Escuela Primaria|Escuela Normal|Instituto|Liceo|Guardería|Jardín Infantil|Preescolar|Preparatoria"
        "|Secundaria|Universidad|Academia|Instituto Tecnológico|Centro Educativo|Institución Educativa|Unidad Educativa|I.E.|IES|CEIP"
        "|Conservatorio|Escuela de Enfermería|Telesecundaria|Kínder",
        "lab": "Laboratorio|Laboratorios|Laboratorio Clínico|Lab.|Análisis Clínicos|Biomédica|Diagnósticos|Centro de Diagnóstico"
        "|Imagenología|Radiología|Bioanálisis|Ortopedia|Suministros Médicos|Laboratorio de Análisis|Centro de Imagen|Genética",
        "insurer": "Seguros|Mutua|Aseguradora|Mutualidad|Sanitaria|Prepaga|Obra Social|Isapre|EPS|Igualatorio|Medicina Prepagada",
        "pharmacy": "Farmacia|Farmacias|Botica|Droguería|Farmacia y Perfumería",
        "church": "Parroquia|Iglesia|Templo|Capilla|Mezquita|Sinagoga|Iglesia Bautista|Iglesia Evangélica|Salón del Reino|Santuario"
        "|Ermita|Convento|Asamblea de Dios|Centro Islámico|Cofradía|Comunidad Cristiana",
        "care": "Hospital de Día|Hospital|Hospital General|Hospital Comarcal|Hospital Regional|Clínica|Sanatorio|Policlínico|Centro de Salud"
        "|Centro Médico|Centro de Salud Mental|CESFAM|COSAM|CSM|CAP|UMF|CAPA|Consultorio|Centro de Día|Unidad de Salud Mental|UBS|CAPS"
        "|Residencia|Casa de Reposo|Comunidad Terapéutica|Centro Comunitario|Instituto de Psiquiatría|Gabinete de Psicología|Posta de Salud",
    },
}  # fmt: skip


class Draws(Protocol):
    """What a name is drawn with: `deid.values.Values`."""

    chance: Random
    lang: str

    def pick(self, options: str) -> str:
        """Return one of `a|b|c`."""
        ...

    def named(self, patterns: str) -> str:
        """Return a pattern with its names filled in."""
        ...


def firm(values: Draws, what: str) -> str:
    """Return a new name of a firm, school, laboratory, insurer, pharmacy, church or place of care."""
    trade = values.pick(TRADES[values.lang][what])
    return (_english if values.lang == "en" else _spanish)(values, trade)


def _english(values: Draws, trade: str) -> str:
    def word() -> str:
        return values.chance.choice(WORDS["en"].split())

    both = word() + word().lower()
    forms: tuple[Callable[[], str], ...] = (
        lambda: f"{word()} {trade}", lambda: f"{word()} {word()} {trade}", lambda: f"{both} {trade}",
        lambda: f"{word()} {word()} {trade}", lambda: values.named("{F} ") + trade,
        lambda: values.named("{T} ") + trade, lambda: values.named("{F} & {F} ") + trade,
        lambda: f"{word()} & {word()} {trade}", lambda: values.named("{F}-{F} ") + trade,
        lambda: f"The {word()} {trade}", lambda: values.named("St {G}'s ") + trade,
        lambda: values.named("{G}'s ") + trade, lambda: f"{word()}-{word()} {trade}",
        lambda: f"{trade} of the {word()} {word()}", lambda: values.named("Our Lady of {T} ") + trade,
        lambda: values.named("{G} {F} ") + trade, lambda: f"{word()} {values.pick('Road|Street|Park|Hill|Lane|Valley|Bay|Point')} {trade}",
    )  # fmt: skip
    return values.chance.choice(forms)()


def _spanish(values: Draws, trade: str) -> str:
    def word() -> str:
        return values.chance.choice(WORDS["es"].split())

    forms: tuple[Callable[[], str], ...] = (
        lambda: f"{trade} {word()}", lambda: f"{trade} {word()} {word()}",
        lambda: f"{trade} {values.pick('El|La|Los|Las')} {word()}", lambda: f"{trade} {values.pick('del|de la|de los')} {word()}",
        lambda: f"{trade} " + values.named("{F}|{F}|de {T}|{T}|San {G}|Santa {G}|{G} {F}|Doctor {F}|Nuestra Señora del {C}"),
        lambda: f"{trade} {word()} {values.pick('Alto|Bajo|Norte|Sur|Nuevo|Viejo|Hermanos|Hnos.|S.A.|S.L.')}",
        lambda: f"{trade} {values.pick('N.º |Nº |n.º |No. ||')}{values.chance.randint(1, 230)}",
        lambda: f"{trade} " + values.named("{F} y {F}|{F} e Hijos|Hermanos {F}|{F} Hermanos"),
        lambda: f"{trade} {values.pick('Río|Puerto|Monte|Sierra|Valle|Puente|Villa|Lo|Tres')} {word()}",
    )  # fmt: skip
    return values.chance.choice(forms)()


def username(values: Draws, given: str, family: str) -> str:
    """Return the name somebody signs in with, or the one he has in a game or a chat."""
    chance = values.chance
    g, f = (
        "".join(c for c in w.lower() if c.isascii() and c.isalpha()) or "kay"
        for w in (given, family)
    )
    n = str(chance.randint(1, 9999))
    word = values.chance.choice(WORDS["en"].split()).lower()
    return values.pick(
        f"{f}.{g[0]}|{g[0]}{f}|{g[0]}.{f}|{g[0]}{f[:6]}{n[0]}|{f[:5]}{g[:2]}|{f}{n}|{g}.{f}|{g}_{f}|{g}{n}|{f}{g[0]}|{g[:3]}{f[:3]}{n[:2]}"
        f"|{word}{n}|{word}_{g}|x{word}{n}x|{g}-{word}|real{g}{n}|{word}.{word}{n[:2]}|{f}{n[:2]}{g[0]}|@{g}{n}|@{word}_{n[:2]}|@{g}.{f}"
        f"|{g.capitalize()}{word.capitalize()}{n[:2]}|u{n}{n}|{g[0]}{f}@{word}|{f.upper()[:6]}{n[:2]}|EUR\\{f}{g[0]}|{g[0]}{g[-1]}{f[:4]}"
    )


def new_drug(values: Draws) -> str:
    """Return a new name of a drug."""
    stem = "".join(
        values.pick("b|c|d|f|l|m|n|p|r|s|t|v|z|tr|pr") + values.pick("a|e|i|o|u|y")
        for _ in range(2)
    )
    ends = "pril|statin|mab|olol|azole|cillin|pine|done|xetine|zepam|triptan|sartan|idone|tinib|vir|floxacin"
    ends += "|dal|fen|tin|zin|lium|pax|ral|xan|brex|tal|mil|min|zen|don|ten|mycin|amine|ex|or|il|ix|al|ol|ine|in|zine|prazole"
    name = stem + values.pick(ends)
    return name.capitalize() if values.chance.random() < 0.6 else name
