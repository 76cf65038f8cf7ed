"""Labels to and from other programs: Label Studio, Hugging Face `datasets`, plain CSV. A round trip loses nothing."""
