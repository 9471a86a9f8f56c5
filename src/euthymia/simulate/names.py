"""Invented words that identify a person in a note: names, streets, employers, relatives."""

from typing import Final

WOMEN: Final = (
    "Abigail", "Aisha", "Alma", "Amara", "Beatriz", "Bridget", "Camila", "Carol", "Chloe", "Dana",
    "Denise", "Elena", "Ewa", "Farah", "Fiona", "Grace", "Hannah", "Imani", "Ingrid", "Jasmine",
    "Joan", "Katarzyna", "Keisha", "Laura", "Leila", "Lucia", "Mei", "Miriam", "Nadia", "Nora",
    "Olivia", "Paloma", "Priya", "Rosa", "Ruth", "Sarah", "Shanice", "Sofia", "Teresa", "Wendy",
)  # fmt: skip
MEN: Final = (
    "Adam", "Ahmed", "Andre", "Anthony", "Arjun", "Benjamin", "Brian", "Carlos", "Cedric", "Daniel",
    "Darnell", "Diego", "Edward", "Emeka", "Frank", "Gabriel", "George", "Hassan", "Henry", "Ian",
    "Jamal", "James", "Jorge", "Kenji", "Kevin", "Leon", "Luis", "Marcus", "Mateusz", "Nathan",
    "Omar", "Patrick", "Paulo", "Rahul", "Robert", "Samuel", "Tariq", "Thomas", "Victor", "William",
)  # fmt: skip
FAMILIES: Final = (
    "Abbott", "Adeyemi", "Ahmed", "Alvarez", "Baker", "Banerjee", "Barnes", "Begum", "Bennett",
    "Brooks", "Castillo", "Chen", "Clarke", "Coleman", "Costa", "Cruz", "Davies", "Delgado",
    "Dixon", "Donovan", "Edwards", "Farrell", "Fernandes", "Flores", "Foster", "Garcia", "Gibson",
    "Greene", "Hall", "Hoffman", "Hughes", "Ibrahim", "Jackson", "Jimenez", "Kaminski", "Kaur",
    "Kelly", "Khan", "Kim", "Kowalski", "Lewis", "Lopez", "Marsh", "May", "Mendes", "Mitchell",
    "Morales", "Murphy", "Nguyen", "Nowak", "O'Brien", "Okafor", "Ortiz", "Osei", "Park", "Patel",
    "Pereira", "Price", "Ramos", "Reid", "Rivera", "Rose", "Santos", "Schmidt", "Shah", "Silva",
    "Singh", "Sullivan", "Tanaka", "Taylor", "Torres", "Turner", "Walsh", "Ward", "Washington",
    "Watson", "West", "Wilson", "Wong", "Wright", "Young", "Zielinski",
)  # fmt: skip
STREETS: Final = (
    "Alder Court", "Ashgrove Road", "Beacon Hill Lane", "Birch Street", "Canal Walk",
    "Cedar Avenue", "Chapel Row", "Elm Terrace", "Fairview Road", "Garden Place", "Hawthorn Street",
    "Juniper Way", "Kingfisher Close", "Larch Avenue", "Maple Street", "Mill Lane", "Orchard Road",
    "Park Crescent",
    "Quarry Street", "Rowan Drive", "Saint Mary's Road", "Station Road", "Sycamore Street",
    "Thornton Avenue", "Union Street", "Vine Street", "Westfield Road", "Willow Lane",
)  # fmt: skip
EMPLOYERS: Final = (
    "Northgate Logistics", "Brightwell Bakery", "Harmon & Pike Accountants",
    "Ferris Primary School",
    "Tidewater Insurance", "Castlebridge Library", "Redfern Motors", "Oakline Furniture",
    "Summit Care Homes", "Bluebell Nursery", "Ashdown Print Works", "Kestrel Airways",
    "Marlow Foods", "Riverside Community College", "Delta Street Garage", "Pennant Software",
    "Hollis Construction", "Copperfield Hotel", "Lantern Theatre", "Greenway Transit",
)  # fmt: skip
RELATIVES: Final = (
    ("mother", "f"), ("father", "m"), ("sister", "f"), ("brother", "m"), ("wife", "f"),
    ("husband", "m"), ("partner", "m"), ("daughter", "f"), ("son", "m"), ("aunt", "f"),
)  # fmt: skip
MAIL_DOMAINS: Final = ("example.com", "example.org", "example.net", "mail.example", "post.example")

CLINICIANS: Final = {
    1: (("Helen", "Marchetti"), ("Tobias", "Lindqvist"), ("Renee", "Baptiste")),
    2: (("Gloria", "Villanueva"), ("Desmond", "Achebe"), ("Karen", "Stolz")),
    3: (("Philippa", "Hargreaves"), ("Imran", "Siddiqui"), ("Owen", "Llewellyn")),
}
"""Three clinicians a site. A person's care team is one of them."""
