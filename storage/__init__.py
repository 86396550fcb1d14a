"""Where blobs lie: adapters of `lineage.ports.BlobStore`, one module each."""
