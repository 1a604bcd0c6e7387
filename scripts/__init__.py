"""Commands for people: networks, certificates, benchmarks. Imported by no other package."""
