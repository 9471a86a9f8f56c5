"""What a person does next: the worklist, alerts, recommendations, interventions, outcomes."""
