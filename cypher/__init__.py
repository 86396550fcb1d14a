"""Neo4j: the graph store of an organisation. This folder is the only importer of the driver."""
