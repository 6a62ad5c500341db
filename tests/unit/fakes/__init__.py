"""Stand-ins for servers, at the wire: the clients under test are the real ones."""
