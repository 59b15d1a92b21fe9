"""Modbus TCP and BACnet/IP servers of the simulated buildings, on loopback ports."""
