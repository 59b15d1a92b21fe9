"""What any process of the city may do: how it is asked for, and how it is done."""
