from tests.integration.services.conftest import ann, lamps, shop, talk

__all__ = ["ann", "lamps", "shop", "talk"]
