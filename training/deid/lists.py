"""What values are drawn from: towns, streets, institutions, shapes of numbers and dates."""

MONTHS = {
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
}
DATES = {
    "en": "{d}/{m}/{Y} {m}/{d}/{Y} {m}/{d}/{y} {d0}/{m0}/{Y} {m0}/{d0}/{Y} {m0}/{d0}/{y} {d0}.{m0}.{Y}"
    " {Y}-{m0}-{d0} {Y}/{m0}/{d0} {m0}-{d0}-{Y} {d0}{Mon}{Y} {m}/{d} {Y}{m0}{d0} {d}-{Mon}-{y} {d}.{m}.{y} {d0}-{m0}-{y}|{Month} {d}, {Y}"
    "|{d} {Month} {Y}|{Mon} {d}, {Y}|{d} {Mon} {Y}|{d}th of {Month}|{Month} {d}th|{d}-{Mon}-{Y}"
    "|{Month} {d}|the {d}th of {Month} {Y}|{Mon}. {d}, {Y}|{d} {Mon} {y}|{Mon} {d}|{d} {Month}"
    "|{Month} {d}th, {Y}|{Month} {d} {Y}|{wd}, {Month} {d}, {Y}|{m} / {d} / {Y}",
    "es": "{d}/{m}/{Y} {d0}/{m0}/{Y} {d0}/{m0}/{y} {d}-{m}-{Y} {d0}-{m0}-{Y} {d0}.{m0}.{Y} {Y}-{m0}-{d0}"
    " {d}/{m} {d0}{m0}{Y} {d0}.{m0}.{y} {d}.{m}.{Y} {d}-{m}-{y}|{d} de {Month} de {Y}|{d} de {Month}|{d} de {Month} del {Y}|{d} {Month} {Y}"
    "|{Month} de {Y}|día {d} de {Month}|{d}-{Mon}-{y}|{d} {Mon} {Y}|{d} / {m} / {Y}|{d0}/{Mon}/{Y}",
}
TOWNS = {
    "en": "Springfield|Boston|Leeds|Manchester|Portland|Austin|Cork|Glasgow|Perth|Toronto|Auckland|Fresno"
    "|El Paso|Baton Rouge|San Antonio|Newcastle|Little Rock|Stoke-on-Trent|Kings Lynn|Des Moines|Oakland"
    "|Lagos|Mumbai|Lahore|Cairo|Istanbul|Gdańsk|Oslo|Reykjavik|Osaka|Seoul|Wuhan|Hanoi|Accra|Nairobi|Haifa"
    "|Brooklyn|Queens|Camden|Hackney|Salford|Swansea|Belfast|Halifax|Winnipeg|Hobart|Cape Town|Durban"
    "|Kingston|Port-au-Prince|Bradford|Leicester|Plymouth|Norwich|Tulsa|Omaha|Boise|Reno|Mesa|Tampa",
    "es": "Madrid|Barcelona|Sevilla|Valencia|Zaragoza|Bilbao|Málaga|Murcia|Vigo|Gijón|Las Palmas|Toledo"
    "|San Sebastián|Santiago de Compostela|Palma de Mallorca|La Coruña|L'Hospitalet|Jerez de la Frontera"
    "|Bogotá|Medellín|Lima|Cusco|Quito|Guayaquil|La Paz|Santiago|Rosario|Córdoba|Mendoza|Montevideo"
    "|Asunción|Caracas|Ciudad de México|Monterrey|Puebla|Oaxaca|Tijuana|San José|Managua|La Habana"
    "|Santo Domingo|Tegucigalpa|Alcobendas|Getafe|Badalona|Sabadell|Reus|Lorca|Motril|Teruel|Soria",
}
STATES = {
    "en": "TX|CA|NY|Ohio|Texas|Florida|WA|Kent|Essex|Ontario|Queensland|NSW|Oregon|Norfolk|Lanarkshire|MA",
    "es": "Madrid|Andalucía|Cataluña|Galicia|Jalisco|Antioquia|Buenos Aires|Navarra|Asturias|Vizcaya|Cádiz",
}
COUNTRIES = {
    "en": "Mexico|India|Nigeria|Ghana|Poland|Ukraine|Syria|Iraq|Iran|Pakistan|China|Vietnam|Turkey|Brazil"
    "|Somalia|Ireland|Israel|Egypt|Japan|South Korea|the Philippines|Norway|Germany|Honduras|the UK|USA",
    "es": "España|México|Colombia|Perú|Ecuador|Bolivia|Argentina|Chile|Venezuela|Marruecos|Rumanía|Senegal"
    "|Ucrania|China|Pakistán|Nigeria|Polonia|Cuba|Honduras|República Dominicana|Francia|Portugal|Siria",
}
JOBS = {
    "en": "nurse|teacher|bus driver|accountant|plumber|software engineer|chef|cashier|electrician|farmer"
    "|paramedic|security guard|lawyer|hairdresser|truck driver|carpenter|waitress|librarian|welder|pilot",
    "es": "profesora|camionero|contable|fontanero|ingeniero|cocinera|cajera|electricista|agricultor|militar"
    "|vigilante|abogada|peluquera|albañil|camarera|bibliotecario|soldador|taxista|administrativo|pintor",
}
STREET_NAMES = (
    "Maple Oak High Station Church Mill Victoria King Queen Park Cedar Elm Washington Lincoln"
)
STREET_NAMES += (
    " Main Lake Hill Walnut Sunset River Bridge Chestnut Spring Meadow Jackson Franklin Birch"
)
STREET_TYPES = (
    "Street St St. Road Rd Rd. Avenue Ave Ave. Lane Ln Drive Dr Dr. Way Court Ct Close Place Pl"
)
STREET_TYPES += (
    " Terrace Boulevard Blvd Blvd. Crescent Square Row Highway Parkway Gardens Grove Circle"
)
CALLES = "C/|Calle|Avda.|Avenida|Av.|Plaza|Pza.|Paseo|P.º|Camino|Ronda|Carrer|Travesía|Carretera de"
CALLES += (
    "|Jirón|Carrera|Cra.|Pasaje|Bulevar|Vía|c.|calle|Callejón|Urbanización|Polígono|Rúa|Glorieta"
)
CALLE_NAMES = (
    "Mayor|Real|del Sol|de la Luna|San Juan|Santa Ana|de la Constitución|de Goya|Velázquez"
)
CALLE_NAMES += (
    "|Cervantes|de la Paz|Colón|de los Olivos|Nueva|Juárez|Hidalgo|Bolívar|de las Flores|Serrano"
)
CALLE_NAMES += (
    "|de la Iglesia|Doctor Fleming|del Carmen|Gran Vía|Diagonal|Libertad|5 de Mayo|de España"
)
HOSPITALS = {
    "en": "{T} General Hospital|St. {G}'s Hospital|{F} Memorial Hospital|{T} Medical Center|{F} Clinic"
    "|University Hospital of {T}|{T} Community Mental Health Centre|the {F} Unit|{T} Royal Infirmary"
    "|{F} Ward|{T} Behavioral Health|Mount {F} Hospital|{T} VA|Children's Hospital of {T}|{F} House"
    "|the {F} at {T}|{T} County Medical Center|{F} County Hospital|The {F} Centre|{T} Infirmary|{F} Lodge"
    "|Our Lady of {T} Hospital|{G} {F} Health Center|{T} Memorial|{F} Recovery Center|{T} District Hospital"
    "|{F} & {F} Psychiatry Associates|{T} Health Center|Sacred Heart Hospital|Mercy {T}|{T} Crisis Team",
    "es": "Hospital General de {T}|Hospital Universitario {F}|Hospital San {G}|Clínica {F}|Hospital {G} {F}"
    "|Centro de Salud {T}|Hospital Clínico de {T}|CSM {T}|Hospital Virgen del {C}|Policlínica {F}"
    "|Hospital Universitario Doctor {F}|Hospital de {T}|Clínica Universidad de {T}|C.S. {F}|IMSS {T}"
    "|Hospital Comarcal|Hospital Provincial|Hospital Comarcal {F}|Complejo Hospitalario de {T}|Complejo Asistencial {F}"
    "|Hospital Central Dr. {G} {F}|Hospital Nuestra Señora del {C}|Complexo Hospitalario de {T}|Hospital Virgen de {T}"
    "|Ciutat Sanitària de {T}|Residencia {F}|Centro Médico {F}|Hospital Infantil {G} {F}|Centro Hospitalario de {T}"
    "|Hospital Santa {G}|Fundación {F}|Unidad de Salud Mental de {T}|Hospital Regional de {T}|CAP {F}",
}
EMPLOYERS = {
    "en": "{F} & {F}|{F} Ltd|{F} Inc.|{F} Brothers|{T} City Council|{F} Logistics|{F} Construction LLC|{T} Bank"
    "|{T} Works|{F} Airlines|{F} Robotics|{T} Freight|{F} Dental|{F} Motors|{F} Farms|{T} Library|{F} Homes"
    "|{F}, {F} and {F}|{F}-{F}|{T} Police Department|{F} Foods|{F} Group|{T} Post Office|{F} Supermarkets"
    "|Amazon|Walmart|Tesco|Google|Starbucks|Uber|FedEx|Boeing|Toyota|the {T} Herald|{F} Pharmacy|{F} Garage",
    "es": "Talleres {F}|{F} e Hijos S.L.|Construcciones {F} S.A.|Ayuntamiento de {T}|Banco de {T}|Grupo {F}"
    "|Transportes {F}|Bodegas {F}|Mercadona|Seat|Inditex|Correos|Renfe|El Corte Inglés|Telefónica"
    "|Panadería {F}|Conservas {F}|Supermercados {F}|Hoteles {F}|Limpiezas {F}|{F} S.L.|Autobuses {F}|Almacenes {T}|Mesón {F}|Restaurante Casa {G}|Diputación de {T}|Farmacia {F}|Seguros {F}|Editorial {F}",
}
SCHOOLS = {
    "en": "{T} High School|{F} Elementary|St {G}'s Primary School|University of {T}|{F} College"
    "|{T} Community College|{F} Academy|{T} State University|{F} Middle School",
    "es": "Colegio San {G}|IES {F}|Universidad de {T}|CEIP {F}|Instituto {F}|Colegio Santa {G}"
    "|Facultad de Medicina de {T}|Facultad de Odontología de {T}|Servicio {F} de Salud|Centro {F} de {T}"
    "|Instituto de Medicina Legal de {T}|Instituto {T} de Investigación|Centro de Transfusión de {T}|Fundació {F}|Universidad {G} {F}|Escuela {F}",
}
CHURCHES = {
    "en": "St {G}'s Church|{T} Baptist Church|{T} Mosque|Temple Beth {F}|Grace Chapel {T}",
    "es": "la parroquia de San {G}|la iglesia de Santa {G}|la mezquita de {T}|la ermita de {T}",
}
CARMEN = "Carmen|Pilar|Rosario|Camino|Mar|Valle|Castillo"
PHONES = {
    "en": "###-###-#### (###) ###-#### ###.###.#### ###-#### +1-###-###-#### 1-800-###-#### 0####-###### "
    "+##-##-####-#### 07######### ##########|+1 ### ### ####|0#### ######|+44 #### ######|0## #### ####"
    "|###-###-#### x###|(###)###-####|020 #### ####|+91 ##### #####|### ### ####|##-##-##-##|1### ### ###"
    "|+234 ### ### ####|(##) ###-###|08# ### ####|+61 4## ### ###",
    "es": "6######## 9######## 9##-###-### ##-####-#### +34######### 6##-##-##-##|6## ### ###|9# ### ## ##"
    "|+34 6## ### ###|## ####-####|55 #### ####|+57 3## ### ####|9## ## ## ##|+52 1 ## #### ####|9#.###.##.##"
    "|(9##) ###.###|34 9## ### ###|9## ######|9## ### ### ext. ##|9# #######|+51 9## ### ###",
}
POSTCODES = {
    "en": "#####|#####-####|@@# #@@|@# #@@|@## #@@|@#@ #@#|####|@@## #@@",
    "es": "#####|0####|2####|4####|#####|0####",
}
MRNS = "######|#######|########|MRN-######|@######|@@#####|###-##-##|##-####|###-####|@@@-######|##########"
MRNS += "|#### ####|@#####@|####/##|H######|#####|0000####|###-##-####"
IDS = {
    "ssn": "###-##-####|### ## ####|#########|XXX-XX-####",
    "insid": "@@@#########|##########|@########|####-####-##|## ######## ##|@@@ ### ### ###|W#########",
    "nhs": "### ### ####|##########|###-###-####",
    "licence": "@#######|@@@@@######@@#@@|####-##-####|########-@|@### #### ####",
    "serial": "SN ########|@@-####-##|##@@####|@@@########",
    "enc": "########|@##-#####|####/####|#######-##|@@######|##-######|######",
    "dni": "########@|########-@|##.###.###-@|#.###.###|########|########@",
    "nie": "X#######@|Y-#######-@|X-#######@",
    "passport": "@@@######|@########|#########",
    "nass": "## ######## ##|##/########/##|##########|## ## ########|##-########-##|## ########-##",
    "cip": "@@@@##########|@@@@ # ###### ## #|@@@@###########|############",
    "colegiado": "########|## ## #####|######|##/##/#####|###-####|## #####|##-##-#####",
    "curp": "@@@@######H@@@@@##",
    "rfc": "@@@@######@#@",
}  # fmt: skip
ACCOUNTS = (
    "@@##@@@@##############|ES## #### #### ## ##########|################|#### #### #### ####"
)
ACCOUNTS += (
    "|####-####-####-####|ES######################|#### ###### #####|############|4###############"
)
PLATES = "#### @@@|####@@@|@@## @@@|@@@ ####|@@@-###|@-####-@@|@@@ ##@|@##-@@@|VIN @@@@@@#########"
MAIL_HOSTS = (
    "gmail.com yahoo.com hotmail.com outlook.com icloud.com nhs.net hotmail.es telefonica.net"
)
MAIL_HOSTS += (
    " yahoo.es comb.es aol.com example.com mail.ru salud.madrid.org uni-bonn.de protonmail.com"
)
