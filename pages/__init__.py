"""The pages of the app. A page file only defines TITLE and `render()`; `pages/ui` is shared, `pages/web` serves them."""
