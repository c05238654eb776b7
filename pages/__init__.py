"""The pages of the browser app, thin: each calls services and draws what they return."""
