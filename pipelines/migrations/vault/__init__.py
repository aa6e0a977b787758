"""Steps of the vault; ``to_N`` makes schema N out of the one before, ``to_1`` out of nothing."""
