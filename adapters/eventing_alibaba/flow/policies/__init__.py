"""What is decided about a delivery, apart from how it is carried out."""
