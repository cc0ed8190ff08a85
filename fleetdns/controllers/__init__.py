"""The reconcilers: gather, ask core, carry out, report. They reach the outside only through ports.py."""
