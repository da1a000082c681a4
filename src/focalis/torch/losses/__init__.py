"""The named losses of tensors: for each margin loss one file, with its functions and their modules."""
