"""Sign-in end to end: an OpenID provider, Apache with mod_auth_openidc, Pybot."""
