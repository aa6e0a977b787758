"""Steps of the service database; ``to_N`` makes schema N out of the one before, ``to_1`` out of nothing."""
