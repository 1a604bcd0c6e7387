"""Ten-line endpoints: parse, call one service, present."""
