"""How well a company fits a product, and how worthwhile a contact is: numbers with reasons."""
