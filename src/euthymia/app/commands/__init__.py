"""The commands of `euthymia`, a file for each kind of work. Heavy rooms are imported on use."""

from typing import Final

import click

from euthymia.app.commands.alerts import alerts
from euthymia.app.commands.audit import audit
from euthymia.app.commands.data import ingest, rejects, simulate
from euthymia.app.commands.deid import deid
from euthymia.app.commands.evidence import evidence
from euthymia.app.commands.features import (
    catalogue,
    certificates,
    compute_shards,
    features,
    shards,
)
from euthymia.app.commands.keys import backup, keys, restore
from euthymia.app.commands.ledger import ledger
from euthymia.app.commands.lifecycle import (
    challenge,
    change_plan,
    drift,
    model_card,
    rollback,
    shadow,
)
from euthymia.app.commands.matching import certify, rank, subtypes
from euthymia.app.commands.model import analyze, models, release, snapshot, train
from euthymia.app.commands.people import (
    care_team,
    consent,
    erase,
    export,
    retract,
    show,
    worklist,
)
from euthymia.app.commands.policy import policy
from euthymia.app.commands.privacy import privacy
from euthymia.app.commands.quality import quality
from euthymia.app.commands.review import review
from euthymia.app.commands.screens import crisis_page_command
from euthymia.app.commands.setup import demo, init, serve, token, verify
from euthymia.app.commands.update import update
from euthymia.app.commands.users import user
from euthymia.app.commands.watch import watch

COMMANDS: Final[tuple[click.Command, ...]] = (
    init,
    simulate,
    ingest,
    features,
    catalogue,
    shards,
    compute_shards,
    certificates,
    snapshot,
    train,
    update,
    models,
    rank,
    certify,
    subtypes,
    release,
    shadow,
    challenge,
    drift,
    rollback,
    model_card,
    change_plan,
    audit,
    serve,
    token,
    policy,
    user,
    analyze,
    watch,
    alerts,
    quality,
    review,
    worklist,
    crisis_page_command,
    show,
    export,
    erase,
    retract,
    consent,
    care_team,
    rejects,
    deid,
    verify,
    privacy,
    keys,
    backup,
    restore,
    ledger,
    evidence,
    demo,
)
