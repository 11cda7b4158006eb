//! Hookline.
