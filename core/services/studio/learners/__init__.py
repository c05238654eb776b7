"""How each recipe trains and judges: from the rows of a data set version to a sealed folder and its report."""
