//! Scan results as table, JSON, CSV, SARIF, CycloneDX and one HTML page.
