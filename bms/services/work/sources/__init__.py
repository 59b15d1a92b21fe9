"""What can be wrong at a site, by where that is seen."""
