//! The API for people and programs, `/api/v1`: one folder for each noun, with model, endpoint and tests beside each other.
