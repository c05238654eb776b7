"""Small networks: an LSTM for texts, a perceptron for tables, a convolutional network for pictures."""
