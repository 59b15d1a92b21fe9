"""The buildings' physics: thermal model, plant, local control, sensors, and the ground truth."""
