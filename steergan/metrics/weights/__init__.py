"""Networks that come with steergan, as data."""
