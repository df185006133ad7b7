"""The nouns: what a profile, an allocation site, a series, a heap and a finding are. No I/O, no arithmetic beyond a sum.

Bulk is buffers and numpy arrays; meaning is small frozen dataclasses; doubt is a note on the value. `profile` and `site`
import nothing heavy, so that a single profile can be shown without loading numpy.
"""
