//! Package databases, repositories and bills of materials, read natively.
