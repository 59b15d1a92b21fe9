"""Drivers of fieldbus devices (Modbus, BACnet), discovery, device templates and the simulator."""
