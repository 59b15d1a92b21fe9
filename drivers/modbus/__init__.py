"""The Modbus driver: TCP, RTU over TCP and RTU on a serial line."""
