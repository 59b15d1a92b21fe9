"""Control: who may write a lever now, the write, its read-back and the release."""
