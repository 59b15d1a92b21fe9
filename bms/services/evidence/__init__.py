"""The evidence: its ends are kept, a setpoint is traced, and what is too old goes."""
