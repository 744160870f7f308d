"""How much of anything a file may hold. Counts are checked before the thing itself is built."""

MEBIBYTE = 1024 * 1024

TABLE_BYTES = 1024 * MEBIBYTE
"""Bytes of a table after decompression and decoding."""
COLUMNS = 5_000
CELLS = 200_000_000
NAME_LENGTH = 200
"""Characters of a column name that are kept."""
HEADER_BYTES = 4 * MEBIBYTE
"""Bytes of the first record of a text table."""
LEVELS = 1_000
"""Different values above which a column of words is text rather than categories."""
CLASSES = 1_000

ARCHIVE_ENTRIES = 200_000
ARCHIVE_BYTES = 2_048 * MEBIBYTE
ENTRY_RATIO = 200
"""How many times larger than its compressed self a large archive entry may be."""
IMAGE_PIXELS = 25_000_000
"""Pixels of one picture, before it is reduced."""
IMAGES_BYTES = 2_048 * MEBIBYTE
"""Bytes of all pictures together as float32."""

MODEL_BYTES = 2_048 * MEBIBYTE
"""Bytes of a model after decompression."""
PICKLE_STEPS = 30_000_000
"""Opcodes of a pickle: a forest of ten thousand trees takes about two million."""
PICKLE_DEPTH = 5
"""Pickles nested in the object arrays of a joblib file."""
JSON_DEPTH = 200

BATCH_CELLS = 8_000_000
"""Numbers given to a model at once; more rows go in several batches."""
BATCH_PICTURES = 512
"""Pictures given to a network at once: its inner layers then stay in the processor's cache."""
