"""All readers that are fuzzed."""

import corpus_readers
import file_readers
import model_readers
import table_readers

READERS = [*table_readers.READERS, *model_readers.READERS, *file_readers.READERS, *corpus_readers.READERS]
