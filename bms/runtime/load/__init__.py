"""What costs the processor, and keeps it from ticks and answers: limits, processes, delays."""
