"""Reports that are sent by schedule: the file of them, the ways they go, and the job."""
