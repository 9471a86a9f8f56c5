"""The pages: server-rendered, working without JavaScript, every view of a person in the ledger."""
