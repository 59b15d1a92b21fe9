"""The BACnet/IP driver: reads, writes with priorities, changes of value, schedules, trend logs."""
