"""The board behind mutations as they are written without RxGraph: nothing is live here."""
