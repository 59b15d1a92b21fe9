"""A municipality of simulated buildings behind real Modbus TCP and BACnet/IP servers."""
