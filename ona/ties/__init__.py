"""From events to weekly ties: cleaning, attribution, asks, weekly tables; rules that run on any engine."""
