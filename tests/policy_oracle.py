"""The policies once more, in forty plain lines: no code of Cedar or of the product."""

PEOPLE = ("clinician", "coordinator", "supervisor", "scientist", "it", "patient")


def allowed(role, action, purpose, *, care_team=False, own=False, consented=False, labelled=False,
            released=False, second_factor=False, reason=False, emergency=False):  # fmt: skip
    """Tell whether the shipped policies allow it: one sentence of docs/policy.md a line."""
    if role not in PEOPLE or purpose not in ("care", "monitoring", "research", "training"):
        return False
    if action == "view model list":
        return role != "patient"
    if action == "view metrics":
        return role == "it"
    if purpose != "care":
        return False
    if action == "view worklist":
        return role in ("clinician", "coordinator")
    if action in ("view emergencies", "change alert policy"):
        return role == "supervisor"
    if action == "view quality":
        return role in ("clinician", "coordinator", "supervisor")
    if action == "act on alert":
        return role in ("clinician", "coordinator") and care_team
    if action in ("write record", "change consent"):
        return own if role == "patient" else role in ("clinician", "coordinator") and care_team
    if action == "break glass":
        return role == "clinician" and reason and second_factor
    open_to = not labelled or (role == "clinician" and released)
    if action == "analyze":
        return role == "clinician" and care_team and consented and open_to
    if action == "view patient":
        if role == "patient":
            return own
        if role == "coordinator":
            return care_team and open_to
        glass_broken = emergency and reason and second_factor
        return role == "clinician" and (care_team or glass_broken) and open_to
    return False


def covered(purpose, decisions, at):
    """Tell whether consent is in force: `decisions` are (purpose, permit, since, until)."""
    own = [d for d in decisions if d[0] == purpose and d[2] <= at]
    over = [d[2] for d in own if d[1] and d[3] is not None and d[3] <= at]
    held = [d for d in own if (d[3] is None or at < d[3]) and not (d[1] and d[2] in over)]
    return bool(held) and not max((since, not permit) for _, permit, since, _ in held)[1]
