"""Clinical codes that more than one room needs, each with its system in front (MEDS style)."""

from typing import Final

LOINC: Final = "LOINC/"
SNOMED: Final = "SNOMED/"
RXNORM: Final = "RxNorm/"
ICD10: Final = "ICD10CM/"
OWN: Final = "EUTHYMIA/"

CODE_SYSTEMS: Final = {
    "http://loinc.org": LOINC,
    "http://snomed.info/sct": SNOMED,
    "http://www.nlm.nih.gov/research/umls/rxnorm": RXNORM,
    "http://hl7.org/fhir/sid/icd-10-cm": ICD10,
    "http://hl7.org/fhir/sid/icd-10": "ICD10/",
    "http://www.whocc.no/atc": "ATC/",
    "http://hl7.org/fhir/sid/cvx": "CVX/",
    "http://terminology.hl7.org/CodeSystem/v3-ActCode": "ActCode/",
    "urn:euthymia:code": OWN,
}

PHQ9_ITEMS: Final = tuple(
    LOINC + code
    for code in (
        "44250-9",  # little interest or pleasure
        "44255-8",  # down, depressed or hopeless
        "44259-0",  # sleep
        "44254-1",  # tired
        "44251-7",  # appetite
        "44258-2",  # bad about yourself
        "44252-5",  # concentration
        "44253-3",  # slow or restless
        "44260-8",  # better off dead, hurting yourself
    )
)
PHQ9_TOTAL: Final = LOINC + "44261-6"
PHQ9_DIFFICULTY: Final = LOINC + "69722-7"
CSSRS_IDEATION: Final = tuple(
    LOINC + code
    for code in (
        "93246-7",  # wish to be dead
        "93247-5",  # thoughts of suicide
        "93248-3",  # with a method
        "93249-1",  # with some intent
        "93250-9",  # with a plan and intent
    )
)
CSSRS_BEHAVIOUR: Final = LOINC + "93267-3"  # anything done, started or prepared, ever
CSSRS_RECENT: Final = LOINC + "93269-9"  # within the last three months
MADRS_TOTAL: Final = OWN + "madrs.total"

NOTE: Final = OWN + "note"
PLAN: Final = OWN + "plan"
PREFERENCE: Final = OWN + "preference"
"""What a patient said about a treatment: "avoid weight_gain", "prefer sertraline"."""
SAFETY_PLAN: Final = OWN + "safety-plan."
"""A step of the safety plan (Stanley and Brown 2012): its name follows the dot."""

ADMISSION: Final = "ActCode/IMP"
"""An in-patient encounter; `numeric_value` is its length in days where it has ended."""

PURPOSE_SYSTEM: Final = "urn:euthymia:purpose"
"""FHIR Consent.provision.purpose: care, monitoring, research, training. The HL7 v3 ActReason codes
TREAT (care) and HRESCH (research) are read as well."""

STREAM_SYSTEM: Final = "urn:euthymia:stream"
CATEGORY_SYSTEM: Final = "urn:euthymia:category"
LABEL_SYSTEM: Final = "urn:euthymia:label"
"""What a FHIR Consent.provision names in `class` (streams, categories) and `securityLabel`."""
