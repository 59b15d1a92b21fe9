"""What a whole city costs on one computer: 650 buildings, devices in the process."""
