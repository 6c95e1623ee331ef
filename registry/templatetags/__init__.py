"""What templates of other apps ask the exchange."""
