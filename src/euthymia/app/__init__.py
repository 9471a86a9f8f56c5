"""The top: wires the rooms together (command line, HTTP, web pages, jobs, configuration)."""
