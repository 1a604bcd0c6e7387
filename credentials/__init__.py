"""What people hold and check: contents, schemas, bundles. Pure; a stranger needs this, `contracts` and `chain`."""
